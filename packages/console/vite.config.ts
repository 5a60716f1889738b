import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.MUSTER_URL ?? "http://127.0.0.1:9999";

/** Static files only: everything under /assets, no inline scripts, so that a strict content security policy holds. */
export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The entry is React, its router, Mantine's provider and the frame: wanted by every page, so a split would save nothing.
    chunkSizeWarningLimit: 450,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/fleet": { target: server, ws: true, changeOrigin: false } },
  },
});
