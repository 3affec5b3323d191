// `/api-docs`: the OpenAPI documents of the services, to look at and to try out. A page of its own, so that Swagger UI burdens
// no other.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./api-docs.css";
import { onThemeChange } from "../theme";

const DOCUMENTS = [
  ["console", "Control"],
  ["stats", "Statistics"],
  ["ingest-api", "Ingest"],
  ["realtime-ws", "Live"],
] as const;

const address = (service: string) => `/api/v1/openapi/${service}.json`;

/** The document that the address names (`/api-docs?document=stats`), else the first. */
function named(): string {
  const wanted = new URLSearchParams(location.search).get("document");
  return DOCUMENTS.find(([service]) => service === wanted)?.[0] ?? DOCUMENTS[0][0];
}

function showTheme(): void {
  document.documentElement.classList.toggle("dark-mode", document.documentElement.dataset.theme === "dark");
}

function showChoice(current: string): void {
  const links = DOCUMENTS.map(([service, name]) => {
    const link = document.createElement("a");
    link.href = `?document=${service}`;
    link.textContent = name;
    if (service === current) link.ariaCurrent = "page";
    return link;
  });
  document.getElementById("documents")?.replaceChildren(...links);
  document.getElementById("source")?.setAttribute("href", address(current));
}

showTheme();
onThemeChange(showTheme);
const current = named();
showChoice(current);
SwaggerUI({
  dom_id: "#document",
  url: address(current),
  deepLinking: true,
  // Nothing of this page goes elsewhere, also not to ask whether a document is valid.
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  tryItOutEnabled: false,
});
