/** Nothing of the job that these tests may run in: each says what its own has. */
export const noJob = {
  ...Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^(?:ACTIONS_|GITHUB_|GITLAB_|CIRCLE|RUNNER_|TOKEN_BROKER_|AWS_)/.test(name))
      .map((name) => [name, '']),
  ),
  GITHUB_ACTIONS: '',
}
