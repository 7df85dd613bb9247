import { editorSchemaLine } from './config-file.ts';
import { assignment } from './toml-edit.ts';

/** The `registry.toml` that `init` writes: no sources yet, and what a newcomer changes first, in comments. */
export function renderNewConfig(options: { readonly name: string }): string {
  return `${editorSchemaLine}
# Settings of this registry. Paths are relative to this file; \`moonbit-registry config\` lists all settings.

# The source that \`mirror\` takes from unless -s names another; the first one added, unless set.
# It has to stand here, above every [table].
# default_source = "mooncakes"

[registry]
${assignment(['name'], options.name)}
data_dir = "data"

[mirror]
# What \`mirror\` takes when no patterns are given.
packages = []
# With auto_sync, the server mirrors these packages by itself.
auto_sync = false
sync_interval = "1h"

[server]
host = "127.0.0.1"
port = 8080
# Where clients reach this server, if that differs from host and port:
# base_url = "https://registry.example.com"
# Whether archives that are not cached yet are listed, and fetched on demand.
upstream_fallback = true
refresh_interval = "60s"

# Sources: other registries, tried from the lowest priority number to the highest. Without any, mooncakes.io is used.
# Add one with \`moonbit-registry source add\`, or write:
#
# [[sources]]
# name = "internal"
# type = "custom"                  # mooncakes | moonbit-registry | custom
# url = "https://internal.example.com/moonbit"
# index_url = "https://internal.example.com/moonbit/git/index"
# priority = 25
# namespaces = ["company/*"]       # only this source says what these names mean
# [sources.auth]
# type = "bearer"
# token = "\${INTERNAL_TOKEN}"      # an environment variable; secrets never stand in this file
`;
}
