/** What to paste on the device, with the address of this server and the new key filled in. */
export interface Snippet {
  name: string;
  /** When to use it. */
  help: string;
  text: string;
}

export function snippets(server: string, key: string, now: Date): Snippet[] {
  return [
    {
      name: "citytrack-node",
      help: "Pipe in what your detector writes: a frame as a line of JSON. It batches, retries, and keeps on disk what cannot be sent now.",
      text: [
        `export CITYTRACK_SERVER=${quoted(server)}`,
        `export CITYTRACK_NODE_KEY=${quoted(key)}`,
        "your-detector | citytrack-node send --spool /var/lib/citytrack-node",
      ].join("\n"),
    },
    {
      name: "curl",
      help: "One frame with one person, to see that the way is open. The answer is 202.",
      text: [
        `curl -sS -i ${quoted(`${server}/api/v1/detections`)} \\`,
        `  -H ${quoted(`Authorization: Bearer ${key}`)} \\`,
        "  -H 'Content-Type: application/json' \\",
        `  --data ${quoted(JSON.stringify(exampleBatch(now)))}`,
      ].join("\n"),
    },
  ];
}

const exampleBatch = (now: Date) => ({
  frames: [
    {
      camera: "entrance",
      captured_at: now.toISOString(),
      detections: [{ class: "person", confidence: 0.91, box: [0.4, 0.3, 0.1, 0.4] }],
    },
  ],
});

/** For a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
