// Docker's registry, as github.com/distribution/distribution/v3/cmd/registry has it, but with no storage in any
// cloud: two minutes less to build.
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
)

func main() {
	if err := registry.RootCmd.Execute(); err != nil {
		os.Exit(1)
	}
}
