import { expect, test } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import { formatSources } from './source-list.ts';

function list(text: string): string {
  return formatSources(parseConfig(text, { directory: '/registry' }));
}

const recipe = `
[[sources]]
name = "mooncakes"
type = "mooncakes"
url = "https://mooncakes.io"
index_url = "https://mooncakes.io/git/index"
index_type = "git"
enabled = true
priority = 100

[[sources]]
name = "partner"
url = "https://partner.example.com/registry"
index_url = "https://partner.example.com/registry/git/index"
priority = 50

[[sources]]
name = "internal"
url = "https://internal.company.com/moonbit"
index_url = "https://internal.company.com/moonbit/git/index"
priority = 25
`;

test('prints the text of the recipe byte for byte', () => {
  expect(list(recipe)).toBe(`Configured sources:

  mooncakes (default) [enabled]
    Type: mooncakes
    URL: https://mooncakes.io
    Index: https://mooncakes.io/git/index (git)
    Priority: 100

  partner [enabled]
    Type: custom
    URL: https://partner.example.com/registry
    Index: https://partner.example.com/registry/git/index (git)
    Priority: 50

  internal [enabled]
    Type: custom
    URL: https://internal.company.com/moonbit
    Index: https://internal.company.com/moonbit/git/index (git)
    Priority: 25`);
});

test('further lines appear only for what a source sets', () => {
  const text = list(`
[[sources]]
name = "internal"
url = "https://internal.company.com"
index_url = "https://internal.company.com/git/index"
namespaces = ["company/*", "team/*"]
include = ["shared/*"]
exclude = ["shared/private-*"]
download_url = "https://files.company.com"
auth = { type = "bearer", token = "\${TOKEN}" }
`);
  expect(text).toBe(`Configured sources:

  internal (default) [enabled]
    Type: custom
    URL: https://internal.company.com
    Index: https://internal.company.com/git/index (git)
    Priority: 50
    Namespaces: company/*, team/*
    Include: shared/*
    Exclude: shared/private-*
    Archives: https://files.company.com
    Auth: bearer`);
});

test('the implied preset is listed like a configured one', () => {
  expect(list('')).toContain('  mooncakes (default) [enabled]\n    Type: mooncakes\n');
});
