import { render } from "preact";
import { App } from "./App";
import { startSession } from "./session/session";
import { takeTokenFromAddress } from "./session/viewerLink";

takeTokenFromAddress();
void startSession();

const root = document.getElementById("app");
if (root) render(<App />, root);
