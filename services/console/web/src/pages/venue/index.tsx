import { Empty } from "../../parts/States";
import { PageHead } from "../../parts/PageHead";

/** Is built in another step. */
export default function Page() {
  return (
    <div class="page">
      <PageHead title="Venue" />
      <Empty title="This page is being built" />
    </div>
  );
}
