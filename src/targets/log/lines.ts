/** Where whole lines go. `write` resolves when they are written, and leaves no part of them behind when it rejects. */
export interface Lines {
  write(blocks: readonly Buffer[]): Promise<void>
  close(): Promise<void>
}
