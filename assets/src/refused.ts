/** The switch (or the way to it) said no; `message` is the sentence to show. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
    this.name = 'Refused';
  }
}
