import type { Checkpoint, CheckpointStore } from '../../model/checkpoint.ts'
import { fenced } from './record.ts'

/** Keeps the checkpoint for the life of the process: for trials and tests, where a restart may begin anew. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly description = 'memory:'
  #checkpoint: Checkpoint | null = null

  load(): Promise<Checkpoint | null> {
    return Promise.resolve(this.#checkpoint)
  }

  save(checkpoint: Checkpoint): Promise<void> {
    if (this.#checkpoint && checkpoint.epoch < this.#checkpoint.epoch) {
      return Promise.reject(fenced(this.description, `epoch ${this.#checkpoint.epoch} > ${checkpoint.epoch}`))
    }
    this.#checkpoint = checkpoint
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
