/** 24×24 outlines. They never stand alone: a name stands beside them, or is there for screen readers. */
const PATHS = {
  home: "M4 11.5 12 5l8 6.5M6.5 10v9h11v-9M10 19v-5h4v5",
  chart: "M4 19.5h16M6.5 16v-4M11 16V7M15.5 16v-6M20 16V5",
  venue:
    "M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11ZM12 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z",
  node: "M4.5 6h15v5h-15zM4.5 13.5h15v5h-15zM7.5 8.5h.01M7.5 16h.01M11 8.5h5.5M11 16h5.5",
  key: "M8 16a4 4 0 1 1 3.5-6H20.5v3.2h-2.6v2.6h-3.2v-2.6h-3.2A4 4 0 0 1 8 16ZM8 12h.01",
  pulse: "M3.5 12.5h4l2.5-7 4 13 2.5-6h4",
  users:
    "M9 11.5a3.25 3.25 0 1 0 0-6.5 3.25 3.25 0 0 0 0 6.5ZM3 19.5c.4-3.3 2.7-5 6-5s5.6 1.7 6 5M15.5 5.2a3.25 3.25 0 0 1 0 6.1M17.5 14.8c2 .7 3.2 2.3 3.5 4.7",
  user: "M12 12a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5ZM4.5 20c.5-3.7 3.3-5.5 7.5-5.5s7 1.8 7.5 5.5",
  log: "M6 3.5h9l3.5 3.5v13.5H6zM9 9h6M9 12.5h6M9 16h4",
  list: "M4.5 6.5h.01M8.5 6.5h11M4.5 12h.01M8.5 12h11M4.5 17.5h.01M8.5 17.5h11",
  book: "M5 5.5c2.5-1 5-1 7 .5 2-1.5 4.5-1.5 7-.5v13c-2.5-1-5-1-7 .5-2-1.5-4.5-1.5-7-.5zM12 6v13",
  out: "M10 4.5H5v15h5M14.5 8 18.5 12l-4 4M18.5 12H9.5",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6 6 18",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M18.4 5.6 17 7M7 17l-1.4 1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  screen: "M4 5.5h16v10.5H4zM9 19.5h6M12 16v3.5",
  copy: "M9 9h10.5v10.5H9zM15 9V4.5H4.5V15H9",
  check: "m5 12.5 4.5 4.5L19 7.5",
  plus: "M12 5v14M5 12h14",
  warn: "M12 4 21 19.5H3zM12 10v4.5M12 17h.01",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17ZM12 11v5M12 8h.01",
  camera: "M4 8h3.5L9 6h6l1.5 2H20v10.5H4zM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  link: "M10 14.5 14.5 10M11 7.5l2-2a3.9 3.9 0 0 1 5.5 5.5l-2 2M13 16.5l-2 2A3.9 3.9 0 0 1 5.5 13l2-2",
  down: "M12 4.5v10M8 11l4 4 4-4M5 19.5h14",
  up: "M12 15.5v-10M8 9l4-4 4 4M5 19.5h14",
  arrow: "m9 5.5 6.5 6.5L9 18.5",
  search: "M10.5 16.5a6 6 0 1 0 0-12 6 6 0 0 0 0 12ZM15 15l5 5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
