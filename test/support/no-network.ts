/**
 * Tests reach loopback only: whatever honours proxy variables and aims elsewhere meets a closed port, and git
 * sees none of the machine's own settings.
 */
for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
  process.env[name] = 'http://127.0.0.1:9';
  process.env[name.toLowerCase()] = 'http://127.0.0.1:9';
}
process.env.NO_PROXY = 'localhost,127.0.0.1,::1';
process.env.no_proxy = process.env.NO_PROXY;
process.env.GIT_CONFIG_GLOBAL = '/dev/null';
process.env.GIT_CONFIG_NOSYSTEM = '1';
process.env.GIT_TERMINAL_PROMPT = '0';
for (const name of Object.keys(process.env))
  if (/^(MOON_HOME|MOONCAKES_REGISTRY|NO_COLOR|FORCE_COLOR)$/.test(name)) delete process.env[name];
