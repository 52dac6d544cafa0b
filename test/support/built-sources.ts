import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Gives tests what the compiler made of `src/` and `dev/`, as Node itself loads it: that is what users run, and each test
 * file begins with half the CPU that it costs to have hundreds of modules transformed. `npm test` compiles first. A test
 * that replaces modules (`vi.mock`) needs them transformed.
 */
export function builtSources(): Plugin {
  return {
    name: 'built-sources',
    enforce: 'pre',
    resolveId(id, importer) {
      if (importer === undefined || !/^\.{1,2}\/.*\.ts$/.test(id)) return undefined;
      const path = fileURLToPath(new URL(id, pathToFileURL(importer)));
      if (!/^(src|dev)\//.test(path.slice(root.length))) return undefined;
      return `${root}dist/${path.slice(root.length).replace(/\.ts$/, '.js')}`;
    },
  };
}
