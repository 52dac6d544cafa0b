import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hapiVersion } from '../../dev/hapi/find-server.ts';
import { projectRoot } from '../../src/programs/project.ts';

test('the version that is named is the one that is fetched', async () => {
  const pom = await readFile(join(projectRoot, 'tools/hapi-server/pom.xml'), 'utf8');
  expect(pom).toContain(`<artifactId>hapi-fhir-jpaserver-base</artifactId>\n      <version>${hapiVersion}</version>`);
});
