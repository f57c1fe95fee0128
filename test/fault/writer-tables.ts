/** What the writer changes, and what the rules of recording targets name. */
export const WRITER_TABLES = ['fault.one', 'fault.two'] as const
