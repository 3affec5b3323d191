import { requestAsViewer } from "../session/session";
import { venuePath } from "./venues";

/** Where on the image of a camera feet stood: a grid of `columns` × `rows` cells, row by row from the top left. */
export interface Heatmap {
  venue: string;
  camera: string;
  class: string | null;
  from: string;
  to: string;
  columns: number;
  rows: number;
  cells: number[];
  /** Of the fullest cell. */
  max: number;
  total: number;
}

export interface HeatmapQuery {
  camera: string;
  class?: string | undefined;
  from: string;
  to: string;
}

export const getHeatmap = (venue: string, query: HeatmapQuery, signal?: AbortSignal) =>
  requestAsViewer<Heatmap>(`${venuePath(venue)}/heatmap`, { query: { ...query }, signal });
