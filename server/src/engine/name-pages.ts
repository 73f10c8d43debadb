/** Names that one read asks for. */
const PAGE = 100;

/** Names that a store lists in their order, read page by page, each page once the names before were used. */
export async function* allNames(
  list: (page: { readonly limit: number; readonly after?: string }) => Promise<readonly string[]>,
): AsyncGenerator<string, void, undefined> {
  let after: string | undefined;
  do {
    const page = await list({ limit: PAGE, ...(after !== undefined && { after }) });
    yield* page;
    after = page.length === PAGE ? page.at(-1) : undefined;
  } while (after !== undefined);
}
