import { usePageTitle } from "../usePageTitle";

export function NoSuchPage() {
  usePageTitle("Not found");
  return (
    <div class="page notice-page">
      <h1>There is no such page</h1>
      <p>
        The address may have been mistyped, or the page was moved. Perhaps you want{" "}
        <a href="/">the home page</a> or <a href="/live">the live page</a>.
      </p>
    </div>
  );
}
