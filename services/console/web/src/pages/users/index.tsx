import { useState } from "preact/hooks";
import { listUsers, type User } from "../../api/users";
import { Card } from "../../parts/Card";
import { Icon } from "../../parts/Icon";
import { PageHead } from "../../parts/PageHead";
import { RoleBadges } from "../../parts/Roles";
import { Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { mayEverywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { useResource } from "../../useResource";
import { CreateUser } from "./CreateUser";
import { DisableUser } from "./DisableUser";
import { EditUser } from "./EditUser";
import { ResetPassword } from "./ResetPassword";

type Opened = { what: "create" } | { what: "edit" | "password" | "disable"; user: User } | undefined;

/** Who may sign in, and what they are where. */
export default function Users() {
  const { roles } = useSession();
  const users = useResource((signal) => listUsers(signal), []);
  const [opened, setOpened] = useState<Opened>();
  const isManager = mayEverywhere(roles, "admin");
  const close = () => setOpened(undefined);
  const done = () => {
    close();
    users.reload();
  };
  return (
    <div class="page">
      <PageHead
        title="Users"
        intro="Who may sign in, and what they may do where."
        actions={
          isManager && (
            <button type="button" onClick={() => setOpened({ what: "create" })}>
              <Icon name="plus" />
              Create a user
            </button>
          )
        }
      />
      <Card>
        <Loaded resource={users} what="The users" lines={6}>
          {(list) => <UserTable users={list} isManager={isManager} onOpen={setOpened} />}
        </Loaded>
      </Card>
      {opened?.what === "create" && <CreateUser onDone={done} onClose={close} />}
      {opened?.what === "edit" && (
        <EditUser user={opened.user} isManager={isManager} onDone={done} onClose={close} />
      )}
      {opened?.what === "password" && <ResetPassword user={opened.user} onClose={close} />}
      {opened?.what === "disable" && <DisableUser user={opened.user} onDone={done} onClose={close} />}
    </div>
  );
}

interface TableProps {
  users: User[];
  isManager: boolean;
  onOpen: (opened: Opened) => void;
}

function UserTable({ users, isManager, onOpen }: TableProps) {
  const { venues } = useVenues();
  const columns: Column<User>[] = [
    {
      key: "name",
      header: "User",
      isName: true,
      // Whoever cannot sign in stands at the end.
      sort: (user) => `${user.disabled_at ? 1 : 0} ${user.display_name}`,
      cell: (user) => (
        <>
          {user.display_name} <span class="help mono">{user.name}</span>
        </>
      ),
    },
    { key: "roles", header: "Roles", cell: (user) => <RoleBadges roles={user.roles} venues={venues} /> },
    {
      key: "seen",
      header: "Last seen",
      sort: (user) => (user.last_seen_at ? -Date.parse(user.last_seen_at) : undefined),
      cell: (user) => <TimeText at={user.last_seen_at} relative none="never" />,
    },
    {
      key: "state",
      header: "State",
      sort: (user) => (user.disabled_at ? 1 : 0),
      cell: (user) =>
        user.disabled_at ? <span class="badge">Disabled</span> : <span class="badge good">Active</span>,
    },
    {
      key: "actions",
      header: "Actions",
      isActions: true,
      cell: (user) => <UserActions user={user} isManager={isManager} onOpen={onOpen} />,
    },
  ];
  return (
    <Table
      caption="Users, their roles, and when they were last seen"
      columns={columns}
      rows={users}
      rowKey={(user) => user.id}
      sortedBy="name"
      rowClass={(user) => (user.disabled_at ? "off" : undefined)}
      empty={<p class="muted">There is no user yet.</p>}
    />
  );
}

function UserActions({ user, isManager, onOpen }: { user: User } & Omit<TableProps, "users">) {
  const whose = <span class="visually-hidden"> {user.name}</span>;
  const open = (what: "edit" | "password" | "disable") => () => onOpen({ what, user });
  return (
    <>
      <button type="button" class="quiet small" onClick={open("edit")}>
        Edit{whose}
      </button>
      {isManager && (
        <>
          <button type="button" class="quiet small" onClick={open("password")}>
            New password{whose}
          </button>
          <button
            type="button"
            class={user.disabled_at ? "quiet small" : "quiet small danger"}
            onClick={open("disable")}
          >
            {user.disabled_at ? "Enable" : "Disable"}
            {whose}
          </button>
        </>
      )}
    </>
  );
}
