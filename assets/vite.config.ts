import { defineConfig } from 'vite';

/** Where `npm run dev` finds the switch; the built dashboards are served by the switch itself. */
const SWITCH = 'http://127.0.0.1:3001';

export default defineConfig({
  build: {
    target: 'es2022',
    // The switch sends `default-src 'self'`: nothing may be inlined as a data: URL or a script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // livekit-client, loaded only when somebody joins a room, is one chunk of its own.
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/api': SWITCH,
      '/ws': { target: SWITCH, ws: true },
      '/rtc': { target: SWITCH, ws: true },
    },
  },
});
