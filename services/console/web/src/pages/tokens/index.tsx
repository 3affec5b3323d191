import { PageHead } from "../../parts/PageHead";
import { mayAnywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { ApiTokens } from "./ApiTokens";
import { ViewerLinks } from "./ViewerLinks";
import "./tokens.css";

/** Ways in for people without an account, and for programs. */
export default function Tokens() {
  const { roles } = useSession();
  return (
    <div class="page">
      <PageHead
        title="Tokens and links"
        intro="Viewer links let people watch without an account. API tokens let programs do what a role may."
      />
      <ViewerLinks />
      {mayAnywhere(roles, "admin") && <ApiTokens />}
    </div>
  );
}
