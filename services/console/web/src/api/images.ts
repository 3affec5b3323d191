import { requestAsViewer, requestRawAsViewer } from "../session/session";
import { requestRaw } from "./client";
import { venuePath } from "./venues";

/** What is made of a picture. The first is what is shown where nothing else is asked for. */
export const VARIANTS = ["anonymised", "annotated", "thumbnail"] as const;
export type Variant = (typeof VARIANTS)[number];

/** `expired`: there was such a picture, and it was deleted when its time was over. */
export const IMAGE_STATES = ["ready", "received", "failed", "expired"] as const;
export type ImageState = (typeof IMAGE_STATES)[number];

/** Something in a picture. */
export interface ImageBox {
  class: string;
  /** How sure the detector is, 0 to 1. */
  confidence: number;
  /** As parts (0 to 1) of the picture. */
  box: [left: number, top: number, width: number, height: number];
}

/** A form of a picture that is stored. */
export interface StoredVariant {
  variant: Variant | "original";
  media_type: string;
  width: number;
  height: number;
  bytes: number;
}

/** What is known about a picture. */
export interface ImageDetails {
  id: string;
  venue: string;
  /** Short name of the node that sent it. */
  node: string;
  camera: string | null;
  /** By the clock of the node. */
  captured_at: string;
  received_at: string;
  transformed_at: string | null;
  saved_at: string | null;
  /** When it is to be deleted. */
  kept_until: string;
  /** The node's own number of the frame. */
  frame: number | null;
  /** In pixels, upright. */
  width: number | null;
  height: number | null;
  /** Null: not known. */
  boxes: ImageBox[] | null;
  boxes_from: "upload" | "detections" | "none" | null;
  state: ImageState;
  /** Why it failed: a stable name, and the same in words. */
  reason: string | null;
  detail: string | null;
  variants: StoredVariant[];
}

export interface ImagesQuery {
  camera?: string | undefined;
  class?: string | undefined;
  state?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  /** Where the page before this one ended. */
  before?: string | undefined;
  limit?: number;
}

export interface ImagesPage {
  images: ImageDetails[];
  /** The `before` of the next page; null: there is none. */
  next: string | null;
}

const imagePath = (id: string) => `/api/v1/images/${encodeURIComponent(id)}`;

/** The newest first. */
export const listImages = (venue: string, query: ImagesQuery, signal?: AbortSignal) =>
  requestAsViewer<ImagesPage>(`${venuePath(venue)}/images`, { query: { ...query }, signal });
export const getImage = (id: string, signal?: AbortSignal) =>
  requestAsViewer<ImageDetails>(`${imagePath(id)}/details`, { signal });
/** The picture itself; only of pictures that are ready. */
export const getPicture = async (id: string, variant: Variant, signal?: AbortSignal): Promise<Blob> =>
  (await requestRawAsViewer(imagePath(id), { query: { variant }, signal })).blob();
/** As it was uploaded. For operators, and each time is written into the audit log. */
export const getOriginal = async (id: string, signal?: AbortSignal): Promise<Blob> =>
  (await requestRaw(`/api/v1/originals/${encodeURIComponent(id)}`, { signal })).blob();
