import type { Engine } from '../../src/machine/engine.ts'

export interface Mortal {
  engine: Engine
  // Resolves with what was asked last.
  died: Promise<string>
}

// An engine as a process sees it that is killed with its n-th question, either before it is asked or before its
// answer is heard. The dead hear nothing more, and ask nothing more.
export function mortal(engine: Engine, n: number, when: 'before' | 'after'): Mortal {
  const { promise: died, resolve: die } = Promise.withResolvers<string>()
  let asked = 0
  const guard = <Given extends unknown[], Answer>(name: string, ask: (...given: Given) => Promise<Answer>) => {
    return async (...given: Given): Promise<Answer> => {
      asked += 1
      if (asked < n) return ask(...given)
      if (asked === n && when === 'after') await ask(...given)
      if (asked === n) die(`${name} ${given.flat().slice(0, 4).join(' ')}`)
      return new Promise<Answer>(() => {})
    }
  }
  return {
    died,
    engine: {
      ping: guard('ping', engine.ping),
      inspect: guard('inspect', engine.inspect),
      list: guard('list', engine.list),
      file: guard('file', engine.file),
      exec: guard('exec', engine.exec),
      findImage: guard('findImage', engine.findImage),
      pull: guard('pull', engine.pull),
      helper: guard('helper', engine.helper),
    },
  }
}
