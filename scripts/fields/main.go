// Command fields prints the paths of all fields of the objects that Cluster API sends with its in-place hooks, as JSON:
// an object from the name of a type to its paths, in the order of the Go types. `[]` follows the name of a list, and `*`
// stands for any key of a map.
//
// Usage: go run .
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	bootstrapv1 "sigs.k8s.io/cluster-api/api/bootstrap/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	infrav1 "sigs.k8s.io/cluster-api/test/infrastructure/docker/api/v1beta2"
)

type specs struct {
	KubeadmConfig []string
	Machine       []string
	DevMachine    []string
	DockerMachine []string
}

func main() {
	found := specs{
		KubeadmConfig: pathsOf(reflect.TypeFor[bootstrapv1.KubeadmConfigSpec]()),
		Machine:       pathsOf(reflect.TypeFor[clusterv1.MachineSpec]()),
		DevMachine:    pathsOf(reflect.TypeFor[infrav1.DevMachineSpec]()),
		DockerMachine: pathsOf(reflect.TypeFor[infrav1.DockerMachineSpec]()),
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pathsOf(spec reflect.Type) []string {
	var paths []string
	walk(spec, "", &paths)
	return paths
}

// Adds each field below a type. What writes its own JSON, such as a quantity, has no fields.
func walk(typ reflect.Type, path string, paths *[]string) {
	switch typ.Kind() {
	case reflect.Pointer:
		walk(typ.Elem(), path, paths)
	case reflect.Slice:
		walk(typ.Elem(), path+"[]", paths)
	case reflect.Map:
		*paths = append(*paths, path+".*")
		walk(typ.Elem(), path+".*", paths)
	case reflect.Struct:
		if !reflect.PointerTo(typ).Implements(reflect.TypeFor[json.Marshaler]()) {
			fields(typ, path, paths)
		}
	}
}

func fields(typ reflect.Type, path string, paths *[]string) {
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && field.Anonymous:
			walk(field.Type, path, paths)
		default:
			inner := strings.TrimPrefix(path+"."+name, ".")
			*paths = append(*paths, inner)
			walk(field.Type, inner, paths)
		}
	}
}
