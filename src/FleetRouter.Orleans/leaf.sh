# Sourced by ./fleet and tests/run, which set `root`: whether this machine's NuGet sources have what FleetRouter.Orleans needs. Where they do not, the
# file artifacts/without-orleans stands, which Directory.Build.props reads: the project is then empty, and everything else builds without it.
without_orleans="$root/artifacts/without-orleans"

# Asks the sources. Any other trouble with them is left to the build, which tells it.
probe_orleans() {
  local log="$root/artifacts/orleans-restore.log"
  mkdir -p "$root/artifacts"
  if dotnet restore "$root/src/FleetRouter.Orleans/FleetRouter.Orleans.csproj" -p:OrleansAvailable=true -v q --nologo >"$log" 2>&1; then
    rm -f "$without_orleans"
  elif grep -Eq 'NU(1100|1101|1102|1103|1603).*(Microsoft\.Orleans\.|System\.IO\.Hashing)' "$log"; then
    : >"$without_orleans"
    echo "Orleans packages not available from this registry: building the single-node router; cluster tests skipped"
  else
    rm -f "$without_orleans"
  fi
}

# Whether the sources have been asked in this checkout.
knows_orleans() {
  [[ -e $without_orleans ]] || grep -qs '"Microsoft.Orleans.Server/' "$root/artifacts/obj/FleetRouter.Orleans/project.assets.json"
}
