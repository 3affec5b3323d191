import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/client";
import type { Resource } from "../useResource";
import { Icon, type IconName } from "./Icon";

/** Stands where lines of text will be, with their height. */
export function Skeleton({ lines = 3, what = "Loading" }: { lines?: number; what?: string }) {
  return (
    <div class="skeleton" aria-busy="true">
      <span class="visually-hidden" role="status">
        {what}
      </span>
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} class="skeleton-line" />
      ))}
    </div>
  );
}

/** Stands where a page will be whose program is being loaded. */
export function PageSkeleton() {
  return (
    <div class="page late" aria-busy="true">
      <p class="visually-hidden" role="status">
        Loading the page
      </p>
      <div class="skeleton-head placeholder" />
      <div class="skeleton-card placeholder" />
    </div>
  );
}

interface EmptyProps {
  title: string;
  icon?: IconName;
  level?: 2 | 3;
  children?: ComponentChildren;
}

/** There is nothing here yet: says why, and what to do about it. */
export function Empty({ title, icon = "info", level = 2, children }: EmptyProps) {
  const Title = `h${level}` as const;
  return (
    <div class="empty-state">
      <Icon name={icon} />
      <Title>{title}</Title>
      {children}
    </div>
  );
}

interface ErrorProps {
  title: string;
  error: ApiError;
  onRetry?: () => void;
  level?: 1 | 2 | 3;
}

/** Something could not be loaded: says why, and offers to try again. */
export function ErrorState({ title, error, onRetry, level = 2 }: ErrorProps) {
  const Title = `h${level}` as const;
  return (
    <div class="empty-state failed" role="alert">
      <Icon name="warn" />
      <Title>{title}</Title>
      <p>{error.message}</p>
      {onRetry && (
        <button type="button" class="quiet" onClick={() => onRetry()}>
          Try again
        </button>
      )}
    </div>
  );
}

interface LoadedProps<T> {
  resource: Resource<T>;
  /** What is loaded, as in "The users could not be loaded". */
  what: string;
  /** Height of the skeleton. */
  lines?: number;
  children: (data: T) => ComponentChildren;
}

/** What was loaded; before that a skeleton, and if it failed the reason. What was loaded once stays while it is loaded again. */
export function Loaded<T>({ resource, what, lines = 5, children }: LoadedProps<T>) {
  const { data, error, reload } = resource;
  if (error && data === undefined)
    return <ErrorState title={`${what} could not be loaded`} error={error} onRetry={reload} />;
  if (data === undefined) return <Skeleton lines={lines} what="Loading" />;
  return (
    <>
      {error && (
        <p class="help bad" role="alert">
          {what} could not be loaded again: {error.message}
        </p>
      )}
      {children(data)}
    </>
  );
}
