// Shows the document that the gateway serves beside this page, and lets the reader try its routes.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  // the validator is on another host
  validatorUrl: null,
});
