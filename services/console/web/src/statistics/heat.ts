/** What a heatmap says, in words. */
import type { Heatmap } from "../api/heatmap";

/** A ninth of the image. */
export interface Region {
  name: string;
  /** Of all that stood somewhere, 0 to 1. */
  share: number;
}

const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "middle", "right"];

/** The ninths of the image, the fullest first; none if nobody was seen. */
export function regions({ cells, columns, rows }: Pick<Heatmap, "cells" | "columns" | "rows">): Region[] {
  const sums = new Map<string, number>();
  let total = 0;
  cells.forEach((count, at) => {
    const row = Math.floor((Math.floor(at / columns) * 3) / rows);
    const column = Math.floor(((at % columns) * 3) / columns);
    const name = row === 1 && column === 1 ? "centre" : `${ROWS[row]} ${COLUMNS[column]}`;
    sums.set(name, (sums.get(name) ?? 0) + count);
    total += count;
  });
  if (total === 0) return [];
  return [...sums].map(([name, sum]) => ({ name, share: sum / total })).sort((a, b) => b.share - a.share);
}

/** How strong the colour of a cell is, 0 to 1: by the root, so that not only the fullest cells are seen. */
export const strength = (count: number, max: number): number => (max > 0 ? Math.sqrt(count / max) : 0);
