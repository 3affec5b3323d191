import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

export interface Column<T> {
  key: string;
  header: string;
  cell: (row: T) => ComponentChildren;
  /** What to sort by; without it the column cannot be sorted. Undefined values come last. */
  sort?: (row: T) => string | number | undefined;
  align?: "end";
  /** The column that says which row it is: the row's header. */
  isName?: boolean;
  /** Holds buttons: its header is for screen readers only. */
  isActions?: boolean;
}

interface Props<T> {
  /** What the table holds; for screen readers. */
  caption: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string | number;
  /** The column to sort by at first; "-name" from the end. */
  sortedBy?: string;
  /** What stands there when there are no rows. */
  empty: ComponentChildren;
  /** A class for some rows, such as `off`. */
  rowClass?: (row: T) => string | undefined;
}

/** A table that can be sorted; on a small screen every row becomes a card. */
export function Table<T>({ caption, columns, rows, rowKey, sortedBy, empty, rowClass }: Props<T>) {
  const [order, setOrder] = useState(sortedBy);
  if (rows.length === 0) return <>{empty}</>;
  const shown = sorted(rows, columns, order);
  return (
    <div class="table-scroll">
      <table class="table">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Header key={column.key} column={column} order={order} onOrder={setOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)} class={rowClass?.(row)}>
              {columns.map((column) => (
                <Cell key={column.key} column={column} row={row} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<T>({ column, row }: { column: Column<T>; row: T }) {
  const { cell, header, align, isName, isActions } = column;
  if (isName) return <th scope="row">{cell(row)}</th>;
  return (
    <td data-label={isActions ? undefined : header} class={isActions ? "row-actions" : align}>
      {isActions ? cell(row) : <div>{cell(row)}</div>}
    </td>
  );
}

interface HeaderProps<T> {
  column: Column<T>;
  order: string | undefined;
  onOrder: (order: string) => void;
}

function Header<T>({ column: { key, header, sort, align, isActions }, order, onOrder }: HeaderProps<T>) {
  if (isActions) {
    return (
      <th scope="col">
        <span class="visually-hidden">{header}</span>
      </th>
    );
  }
  if (!sort) {
    return (
      <th scope="col" class={align}>
        {header}
      </th>
    );
  }
  const direction = order === key ? "ascending" : order === `-${key}` ? "descending" : undefined;
  return (
    <th scope="col" class={align} aria-sort={direction}>
      <button type="button" class="sort" onClick={() => onOrder(direction === "ascending" ? `-${key}` : key)}>
        {header}
        <span class={direction ? `sort-mark ${direction}` : "sort-mark"} aria-hidden="true" />
      </button>
    </th>
  );
}

/** The rows in the order that `order` names; as they are if it names none. */
export function sorted<T>(rows: T[], columns: Column<T>[], order: string | undefined): T[] {
  const isReversed = order?.startsWith("-");
  const sort = columns.find(({ key }) => key === (isReversed ? order?.slice(1) : order))?.sort;
  if (!sort) return rows;
  const sign = isReversed ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [sort(a), sort(b)];
    if (left === undefined || right === undefined)
      return Number(left === undefined) - Number(right === undefined);
    if (typeof left === "number" && typeof right === "number") return sign * (left - right);
    return sign * String(left).localeCompare(String(right), "en", { numeric: true });
  });
}
