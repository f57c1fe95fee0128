/** The parts of sagas in YAML, for services at some address. */
export class SagaText {
  readonly #base: string

  constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`
  }

  saga(id: string, steps: readonly string[], more = ''): string {
    return `  - id: ${id}\n    on: fault.${id}.start\n    key: "{{payload.order}}"\n${more}    steps:\n${steps.map((step) => `      - ${step}\n`).join('')}`
  }

  /** `more` begins with a comma. */
  step(id: string, more = '', { attempts = 100, undoAttempts = 100 } = {}): string {
    const retry = (most: number): string => `retry: {attempts: ${most}, min: 10ms, max: 200ms}`
    return `{id: ${id}, action: ${this.#hook(id, 'do')}}, compensate: ${this.#hook(id, 'undo')}, ${retry(undoAttempts)}}, ${retry(attempts)}${more}}`
  }

  parallel(...steps: readonly string[]): string {
    return `parallel: [${steps.join(', ')}]`
  }

  #hook(step: string, op: 'do' | 'undo'): string {
    return `{type: webhook, url: "${this.#base}/${step}/${op}", body: {order: "{{saga.key}}"}, timeout: 2s`
  }
}
