/** For people: what it means that the server refused the subscription of a page with this error code. */
export function refusalTitle(code: string): string {
  switch (code) {
    case "forbidden-venue":
      return "You are not allowed to see this venue";
    case "too-many-subscriptions":
      return "The live feed takes no more subscriptions";
    case "invalid-message":
    case "invalid-filter":
      return "The live feed does not understand this page: reload it";
    default:
      return "The live feed refused to show this venue";
  }
}
