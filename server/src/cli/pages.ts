/** The pages of a list, each once the one before was used. @param read asks for the page of a token; empty for the first. */
export async function* pagesOf<Page extends { readonly nextPageToken: string }>(
  read: (pageToken: string) => Promise<Page>,
  first = '',
): AsyncGenerator<Page, void, undefined> {
  let pageToken = first;
  do {
    const page = await read(pageToken);
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
}
