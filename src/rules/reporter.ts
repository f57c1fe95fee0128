import type { Problem, SourceLocation } from '../model/errors.ts'

/** Gathers everything that is wrong, so that an author sees it all at once. */
export class Reporter {
  readonly #problems: Problem[] = []
  #errors = 0

  get problems(): readonly Problem[] {
    return this.#problems
  }

  /** Up to now: whoever reads a part compares it before and behind. */
  get errorCount(): number {
    return this.#errors
  }

  error(code: string, location: SourceLocation | undefined, message: string, hint?: string, ruleId?: string): void {
    this.add([{ code, severity: 'error', location, message, hint, ruleId }])
  }

  warn(code: string, location: SourceLocation | undefined, message: string, hint?: string, ruleId?: string): void {
    this.add([{ code, severity: 'warning', location, message, hint, ruleId }])
  }

  note(code: string, location: SourceLocation | undefined, message: string, hint?: string, ruleId?: string): void {
    this.add([{ code, severity: 'note', location, message, hint, ruleId }])
  }

  /** What somebody else has found. */
  add(problems: readonly Problem[]): void {
    for (const problem of problems) {
      this.#problems.push(problem)
      if (problem.severity === 'error') this.#errors += 1
    }
  }

  /** Warnings and notes. */
  get warnings(): readonly Problem[] {
    return this.#problems.filter(({ severity }) => severity !== 'error')
  }

  get noteCount(): number {
    return this.#problems.filter(({ severity }) => severity === 'note').length
  }
}

/** The first of each: a text may be read for several purposes, and once is enough to be told. */
export function distinctProblems(problems: readonly Problem[]): readonly Problem[] {
  const known = new Set<string>()
  return problems.filter(({ location: at, message }) => {
    if (at === undefined) return true
    const name = `${at.file}:${at.line}:${at.column} ${message}`
    const isNew = !known.has(name)
    known.add(name)
    return isNew
  })
}
