/** One thing that keeps BinGo from doing its work, or that is worth knowing. */
export interface Finding {
  readonly code: string
  readonly message: string
}
