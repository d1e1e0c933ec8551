/** The command was called in a way that makes no sense, which the message explains. */
export class WrongUse extends Error {
  override readonly name = 'WrongUse';
}
