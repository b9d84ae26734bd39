// Shows the document that the gateway serves beside this page.
Redoc.init("openapi.json", {}, document.getElementById("redoc"));
