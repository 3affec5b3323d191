import { defineConfig } from "vite";

// `npm run dev` serves the pages with hot reload and passes the API on to a running system.
const system = process.env.CITYTRACK_ADDRESS ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    target: "es2022",
    // Never turn files into data: addresses: the content security policy allows only our own origin.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // /api-docs is a page of its own, so that what it needs burdens no other.
    rolldownOptions: { input: ["index.html", "api-docs.html"] },
  },
  // The browser tests in tests/ run against a running system: `npm run test:browser`.
  test: {
    include: ["src/**/*.test.ts"],
    testTimeout: 20_000,
    // The browser's WebSocket, which is there without being asked for from Node.js 22 on.
    execArgv: ["--experimental-websocket"],
  },
  server: { proxy: { "/api": { target: system, ws: true } } },
});
