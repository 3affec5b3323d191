import { changeUser, type User } from "../../api/users";
import { Dialog } from "../../parts/Dialog";
import { Form } from "../../parts/Form";
import { NewPassword } from "../../parts/NewPassword";
import { toast } from "../../parts/Toast";

export function ResetPassword({ user, onClose }: { user: User; onClose: () => void }) {
  const act = async (data: FormData) => {
    await changeUser(user.id, { password: String(data.get("password") ?? "") });
    toast(`${user.display_name} has a new password.`);
    onClose();
  };
  return (
    <Dialog title={`A new password for ${user.display_name}`} onClose={onClose}>
      <Form action={act} submit="Set password" busyText="Setting …" onCancel={onClose}>
        <p>The old password stops working at once, and {user.display_name} is signed out everywhere.</p>
        <NewPassword
          name="password"
          label="New password"
          help="At least 12 characters. It is shown here only: pass it on in a safe way."
          forSomebodyElse
        />
      </Form>
    </Dialog>
  );
}
