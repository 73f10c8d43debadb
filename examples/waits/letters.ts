/** A letter. It is recorded as a step's result, so that it is plain data. */
export interface Letter {
  to: string;
  text: string;
}

/** Writes a letter. Replace it by a template, or by a model that takes its time. */
export async function writeLetter(to: string, about: string): Promise<Letter> {
  return { to, text: `Dear ${to}, this is to remind you of ${about}.` };
}

/** Sends a letter. Replace it by your mail server; give it the step's key or the like, so that it too sends only once. */
export async function sendLetter({ to, text }: Letter): Promise<void> {
  console.log(`To ${to}: ${text}`);
}
