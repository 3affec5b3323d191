import { defineConfig } from "vite";

// `/live-client.js`: the client of the live feed as one file under a fixed name, for other people's pages.
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    emptyOutDir: false,
    rolldownOptions: {
      output: {
        postBanner: `/*! The client of CityTrack's live feed: docs/realtime.md, "Browser client". Apache-2.0 */`,
      },
    },
    lib: { entry: "src/live-client/index.ts", formats: ["es"], fileName: () => "live-client.js" },
  },
});
