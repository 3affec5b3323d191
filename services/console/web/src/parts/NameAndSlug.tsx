import { useState } from "preact/hooks";
import { slugOf } from "../slug";
import { TextField } from "./Form";

/** The fields `name` and `slug` of something new. The slug follows the name until somebody writes one. */
export function NameAndSlug({ nameHelp, slugHelp }: { nameHelp: string; slugHelp: string }) {
  const [name, setName] = useState("");
  const [slug, setSlug] = useState<string>();
  return (
    <>
      <TextField
        name="name"
        label="Name"
        value={name}
        onInput={setName}
        help={nameHelp}
        autocomplete="off"
        maxLength={200}
        required
        autoFocus
      />
      <TextField
        name="slug"
        label="Short name"
        value={slug ?? slugOf(name)}
        onInput={setSlug}
        help={slugHelp}
        autocomplete="off"
        maxLength={40}
        required
        code
      />
    </>
  );
}
