import { changeUser, type User } from "../../api/users";
import { Confirm } from "../../parts/Confirm";
import { toast } from "../../parts/Toast";

interface Props {
  user: User;
  onDone: () => void;
  onClose: () => void;
}

/** Disables a user, or lets one in again. */
export function DisableUser({ user, onDone, onClose }: Props) {
  const isOff = user.disabled_at !== null;
  const act = async () => {
    await changeUser(user.id, { disabled: !isOff });
    toast(isOff ? `${user.display_name} can sign in again.` : `${user.display_name} is disabled.`);
    onDone();
  };
  return (
    <Confirm
      title={isOff ? `Let ${user.display_name} in again?` : `Disable ${user.display_name}?`}
      action={isOff ? "Enable" : "Disable"}
      isHarmless={isOff}
      onConfirm={act}
      onClose={onClose}
    >
      {isOff ? (
        <p>{user.display_name} can sign in again, with the password and the roles from before.</p>
      ) : (
        <>
          <p>
            {user.display_name} is signed out everywhere at once and cannot sign in any more. What {user.name}{" "}
            did stays in the audit log.
          </p>
          <p>API tokens keep working until they are revoked. You can enable the user again at any time.</p>
        </>
      )}
    </Confirm>
  );
}
