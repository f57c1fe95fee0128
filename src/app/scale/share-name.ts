/** A share is an instance of its own, with one source: under these names its state is kept. */
export function sourceOfShare(instance: string, share: number): { readonly name: string; readonly source: string } {
  return { name: `${instance}/${share}`, source: `changes-${share}` }
}
