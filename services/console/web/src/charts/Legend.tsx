import { type ChartSeries, COLOURS } from "./plot";

interface Props {
  series: readonly ChartSeries[];
  hidden: ReadonlySet<string>;
  onChange: (hidden: ReadonlySet<string>) => void;
  /** What the dashed lines are, if there are any. */
  comparedName: string | undefined;
}

/** Names the lines, and switches them on and off. */
export function Legend({ series, hidden, onChange, comparedName }: Props) {
  const toggle = (key: string) => {
    const next = new Set(hidden);
    if (!next.delete(key)) next.add(key);
    onChange(next);
  };
  return (
    <div class="chart-legend" role="group" aria-label="Lines">
      {series.length > 1 &&
        series.map(({ key, label }, at) => (
          <button
            key={key}
            type="button"
            class="legend-item"
            aria-pressed={!hidden.has(key)}
            onClick={() => toggle(key)}
          >
            <span class={swatchClass(at)} aria-hidden="true" />
            {label}
          </button>
        ))}
      {comparedName && (
        <span class="legend-note">
          <span class="chart-swatch dashed" aria-hidden="true" />
          {comparedName}
        </span>
      )}
    </div>
  );
}

export const swatchClass = (at: number): string =>
  `chart-swatch series-${at % COLOURS}${at >= COLOURS ? " dotted" : ""}`;
