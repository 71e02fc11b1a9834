// Plain JavaScript: it runs on whatever Node is there, to say which one must be.
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  process.stderr.write(
    `This needs Node 24, and ${process.version} runs it. npm ci installs the right one into the project: run it again, without --ignore-scripts, and use npm run.\n`,
  )
  process.exit(1)
}
