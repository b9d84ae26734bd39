// Draws the document that the part serves beside this page.
const config = {
  show: { sidebar: true, info: true, servers: true, operations: true, messages: true, schemas: true, errors: true },
  expand: { messageExamples: true },
  sidebar: { showServers: "byDefault", showOperations: "byDefault" },
};
const root = document.getElementById("asyncapi");

fetch("asyncapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then((schema) => {
    document.title = schema.info.title;
    AsyncApiStandalone.render({ schema, config }, root);
  })
  .catch((error) => {
    root.textContent = `asyncapi.json cannot be shown: ${error.message}`;
  });
