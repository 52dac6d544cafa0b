import { expect, test } from 'vitest';
import { faults, parse, yaml } from './parsed.ts';

test.each([
  '$export',
  '$export/',
  'Patient/$export',
  'Patient/$export?_type=Patient',
  'Group/a%20b/$export',
  '%24davinci-data-export',
])('a kick-off URL is no base URL: %s', (kickOff) => {
  const text = `servers:\n  a:\n    baseUrl: https://a.example/r4/${kickOff}\ndestinations: { d: { type: directory, path: x } }`;
  expect(faults(text)).toEqual([
    'line 3: servers.a.baseUrl: is the URL of a kick-off; write the base alone, https://a.example/r4: each request says its level and Group',
  ]);
});

const NO_URL = 'must be a folder, not a URL; a bucket has type: s3';
const NO_HOME = 'must be a whole path; nothing here replaces "~" by your home folder';
test.each([
  ['s3://x/raw', NO_URL],
  ['file:///srv/x', NO_URL],
  ['~/x', NO_HOME],
  ['~', NO_HOME],
])('%s is no folder', (path, fault) => {
  expect(faults(yaml('', `type: directory, path: "${path}"`))).toEqual([`line 4: destinations.local.path: ${fault}`]);
});

test.each(['/srv/a:b', './~/x', '~x', 'a//b', './s3://x'])('%s is a folder', (path) => {
  expect(parse('', `type: directory, path: "${path}"`).destinations['local']).toHaveProperty('path');
});
