import type { ImageDetails } from "../../api/images";
import type { JournalEntry } from "../../api/journal";
import { took, tellFailure } from "../../pictures/tell";

/** One thing that happens to a picture on its way. */
export interface Step {
  name: string;
  /** Null: not yet. */
  at: string | null;
  state: "done" | "waiting" | "failed" | "over";
  /** How long it took since the step before. */
  took?: string;
  text?: string;
  /** The messages that carried it on, the oldest first. */
  messages: JournalEntry[];
}

/** The way of a picture: what is known of it, and its messages in the journal. */
export function timeline(image: ImageDetails, journal: JournalEntry[]): Step[] {
  const { captured_at, received_at, transformed_at, saved_at, state } = image;
  const byTime = [...journal].sort((a, b) => a.id - b.id);
  const about = (...events: string[]) =>
    byTime.filter(({ routing_key }) => events.some((event) => routing_key.startsWith(`images.${event}.`)));
  const isWaiting = state === "received";
  // Where the sender did not say when, it is the same.
  const isCaptureKnown = captured_at !== received_at;
  const captured: Step = {
    name: "Captured",
    at: captured_at,
    state: "done",
    text: "By the clock of the node",
    messages: [],
  };
  const steps: Step[] = [
    ...(isCaptureKnown ? [captured] : []),
    {
      name: "Received",
      at: received_at,
      state: "done",
      ...(isCaptureKnown && { took: took(captured_at, received_at) }),
      messages: about("uploaded"),
    },
    {
      name: state === "failed" ? "Could not be transformed" : "Transformed",
      at: transformed_at,
      state: state === "failed" ? "failed" : isWaiting && !transformed_at ? "waiting" : "done",
      took: took(received_at, transformed_at),
      ...(state === "failed" && { text: tellFailure(image) }),
      messages: about("transformed", "answered"),
    },
    {
      name: state === "failed" ? "Written down" : "Saved",
      at: saved_at,
      state: isWaiting ? "waiting" : "done",
      took: took(transformed_at, saved_at),
      messages: [],
    },
  ];
  if (state === "expired") {
    steps.push({ name: "Deleted", at: null, state: "over", text: "Its time was over", messages: [] });
  }
  return steps;
}
