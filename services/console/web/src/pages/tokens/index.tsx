import { PageHead } from "../../parts/PageHead";

export default function Page() {
  return (
    <div class="page">
      <PageHead title="Tokens" />
    </div>
  );
}
