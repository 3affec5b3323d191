import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { number } from "../format";
import "./charts.css";

interface Props {
  caption: string;
  /** Headers of the columns, that of the first one included. */
  headers: string[];
  count: number;
  /** The cells of a row, beginning with its name. */
  row: (at: number) => ComponentChildren[];
}

/** More rows than this are shown in pages. */
const PAGE = 200;

/** The figures of a chart. Long ones are paged, so that a hundred thousand rows are no burden. */
export function FiguresTable({ caption, headers, count, row }: Props) {
  const [page, setPage] = useState(0);
  useEffect(() => setPage(0), [count]);
  const first = page * PAGE;
  const last = Math.min(count, first + PAGE);
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
  return (
    <>
      <section class="figures-table" tabIndex={0} aria-label={caption}>
        <table>
          <thead>
            <tr>
              {headers.map((header, at) => (
                <th key={at} scope="col">
                  {header}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((at) => {
              const [name, ...cells] = row(at);
              return (
                <tr key={at}>
                  <th scope="row">{name}</th>
                  {cells.map((cell, column) => (
                    <td key={column}>{cell}</td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      {count > PAGE && (
        <nav class="pager" aria-label="Pages of the table">
          <button
            type="button"
            class="quiet small"
            aria-disabled={page === 0}
            onClick={() => setPage(Math.max(0, page - 1))}
          >
            Earlier
          </button>
          <span class="muted">
            {number(first + 1)} to {number(last)} of {number(count)}
          </span>
          <button
            type="button"
            class="quiet small"
            aria-disabled={last >= count}
            onClick={() => last < count && setPage(page + 1)}
          >
            Later
          </button>
        </nav>
      )}
    </>
  );
}
