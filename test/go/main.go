// Command go holds this service's golden answers against Cluster API's own Go types. For each file of test/golden it
//   - decodes the answer into the type of its hook, with unknown fields refused but for affectsAvailability of v1.15;
//   - judges a discovery answer by Cluster API's rules;
//   - applies the patches of a CanUpdate answer to the request with Cluster API's patch library, compares as
//     Cluster API does, and expects the verdict that the golden file has.
//
// The rules are those of sigs.k8s.io/cluster-api v1.14.2, whose packages internal/runtime/client,
// internal/util/patch and internal/util/inplace cannot be imported from elsewhere.
//
// Usage: go run . <golden folder> <folder of captured requests>
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/api/runtime/catalog"
	hooksv1 "sigs.k8s.io/cluster-api/api/runtime/hooks/v1alpha1"
)

type golden struct {
	Hook string `json:"hook"`
	// The name of a captured request, or a request.
	Request json.RawMessage `json:"request"`
	Answer  json.RawMessage `json:"answer"`
	InPlace *bool           `json:"inPlace"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run . <golden folder> <folder of captured requests>")
		os.Exit(2)
	}
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.json"))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no golden files in %s", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	failed := false
	for _, file := range files {
		err := check(file, os.Args[2])
		if err != nil {
			failed = true
			fmt.Printf("%s: %v\n", filepath.Base(file), err)
		}
	}
	if failed {
		os.Exit(1)
	}
	fmt.Printf("%d answers decoded\n", len(files))
}

func check(file, captured string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var g golden
	if err := strict(text, &g); err != nil {
		return fmt.Errorf("not a golden file: %w", err)
	}
	request, err := requestOf(g.Request, captured)
	if err != nil {
		return err
	}
	var response hooksv1.ResponseObject
	switch g.Hook {
	case "Discovery":
		response = &hooksv1.DiscoveryResponse{}
	case "CanUpdateMachine":
		response = &hooksv1.CanUpdateMachineResponse{}
	case "CanUpdateMachineSet":
		response = &hooksv1.CanUpdateMachineSetResponse{}
	case "UpdateMachine":
		response = &hooksv1.UpdateMachineResponse{}
	default:
		return fmt.Errorf("unknown hook %q", g.Hook)
	}
	if err := decode(g, response); err != nil {
		return err
	}
	if err := checkCommon(g.Hook, response); err != nil {
		return err
	}
	if response.GetStatus() == hooksv1.ResponseStatusFailure {
		return nil
	}
	var inPlace bool
	switch answer := response.(type) {
	case *hooksv1.DiscoveryResponse:
		return checkDiscovery(answer)
	case *hooksv1.CanUpdateMachineResponse:
		inPlace, err = canUpdateMachine(request, answer)
	case *hooksv1.CanUpdateMachineSetResponse:
		inPlace, err = canUpdateMachineSet(request, answer)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	if g.InPlace == nil || *g.InPlace != inPlace {
		return fmt.Errorf("Cluster API's comparison says in place: %t", inPlace)
	}
	return nil
}

// decode decodes an answer into its type, with unknown fields refused. The one field that v1.15 adds to this version's
// types is looked at by itself: affectsAvailability, an optional bool of both CanUpdate responses. It has to be there, and
// Cluster API's client, which decodes without being strict, has to get the same as without it.
func decode(g golden, response hooksv1.ResponseObject) error {
	if err := json.Unmarshal(g.Answer, response); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(g.Answer, &fields); err != nil {
		return err
	}
	if g.Hook == "CanUpdateMachine" || g.Hook == "CanUpdateMachineSet" {
		value, found := fields["affectsAvailability"]
		var affects *bool
		if err := json.Unmarshal(value, &affects); found && (err != nil || affects == nil) {
			return fmt.Errorf("affectsAvailability is %s and no bool", value)
		}
		if found != (response.GetStatus() == hooksv1.ResponseStatusSuccess) {
			return errors.New("affectsAvailability belongs to a Success, and only there")
		}
		delete(fields, "affectsAvailability")
	}
	known, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	plain, _ := reflect.New(reflect.TypeOf(response).Elem()).Interface().(hooksv1.ResponseObject)
	if err := strict(known, plain); err != nil {
		return err
	}
	if !reflect.DeepEqual(plain, response) {
		return errors.New("affectsAvailability changes what this version's types hold")
	}
	return nil
}

// strict decodes one JSON value as encoding/json does, but refuses fields that the type does not have.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON value")
	}
	return nil
}

func requestOf(given json.RawMessage, captured string) (json.RawMessage, error) {
	var name string
	if json.Unmarshal(given, &name) != nil {
		return given, nil
	}
	text, err := os.ReadFile(filepath.Join(captured, name+".json"))
	if err != nil {
		return nil, err
	}
	var file struct {
		Body json.RawMessage `json:"body"`
	}
	return file.Body, json.Unmarshal(text, &file)
}

// checkCommon wants what CAPI's OpenAPI has (kind and apiVersion, which its client does not check) and a status
// that its client knows (validateResponseStatus).
func checkCommon(hook string, response hooksv1.ResponseObject) error {
	got := response.GetObjectKind().GroupVersionKind()
	if want := hooksv1.GroupVersion.WithKind(hook + "Response"); got != want {
		return fmt.Errorf("is a %s, not a %s", got, want)
	}
	status := response.GetStatus()
	if status != hooksv1.ResponseStatusSuccess && status != hooksv1.ResponseStatusFailure {
		return fmt.Errorf("unknown status %q", status)
	}
	if status == hooksv1.ResponseStatusFailure && response.GetMessage() == "" {
		return errors.New("a Failure without a message")
	}
	return nil
}

// checkDiscovery follows defaultAndValidateDiscoveryResponse of internal/runtime/client/client.go, and the rule that
// the controllers have: one handler for each hook at most.
func checkDiscovery(answer *hooksv1.DiscoveryResponse) error {
	known := catalog.New()
	if err := hooksv1.AddToCatalog(known); err != nil {
		return err
	}
	var found []error
	names, hooks := map[string]bool{}, map[string]bool{}
	for _, handler := range answer.Handlers {
		wrong := func(format string, values ...any) {
			found = append(found, fmt.Errorf("handler %s: "+format, append([]any{handler.Name}, values...)...))
		}
		if names[handler.Name] {
			wrong("the name is not unique")
		}
		names[handler.Name] = true
		if messages := validation.IsDNS1123Label(handler.Name); len(messages) > 0 {
			wrong("%v", messages)
		}
		if seconds := handler.TimeoutSeconds; seconds == nil || *seconds < 1 || *seconds > 30 {
			wrong("timeoutSeconds must be from 1 to 30")
		}
		if policy := handler.FailurePolicy; policy == nil || *policy != hooksv1.FailurePolicyFail {
			wrong("failurePolicy must be Fail")
		}
		version, err := schema.ParseGroupVersion(handler.RequestHook.APIVersion)
		hook := catalog.GroupVersionHook{Group: version.Group, Version: version.Version, Hook: handler.RequestHook.Hook}
		if err != nil || !known.IsHookRegistered(hook) {
			wrong("%s is not in the catalogue", hook)
		}
		if hooks[hook.Hook] {
			wrong("%s has a handler already", hook.Hook)
		}
		hooks[hook.Hook] = true
	}
	if len(hooks) != 3 {
		found = append(found, fmt.Errorf("%d hooks are served, not 3", len(hooks)))
	}
	return errors.Join(found...)
}

func canUpdateMachine(text json.RawMessage, answer *hooksv1.CanUpdateMachineResponse) (bool, error) {
	var request hooksv1.CanUpdateMachineRequest
	if err := strict(text, &request); err != nil {
		return false, fmt.Errorf("the request: %w", err)
	}
	current, desired := &request.Current, &request.Desired
	machine, err := patchTyped(&current.Machine, answer.MachinePatch, "spec")
	if err != nil {
		return false, err
	}
	others, err := matches(
		[]string{"spec"},
		pair{current.BootstrapConfig, desired.BootstrapConfig, answer.BootstrapConfigPatch},
		pair{current.InfrastructureMachine, desired.InfrastructureMachine, answer.InfrastructureMachinePatch},
	)
	return others && sameMachine(machine.Spec, desired.Machine.Spec), err
}

func canUpdateMachineSet(text json.RawMessage, answer *hooksv1.CanUpdateMachineSetResponse) (bool, error) {
	var request hooksv1.CanUpdateMachineSetRequest
	if err := strict(text, &request); err != nil {
		return false, fmt.Errorf("the request: %w", err)
	}
	current, desired := &request.Current, &request.Desired
	set, err := patchTyped(&current.MachineSet, answer.MachineSetPatch, "spec", "template", "spec")
	if err != nil {
		return false, err
	}
	others, err := matches(
		[]string{"spec", "template", "spec"},
		pair{current.BootstrapConfigTemplate, desired.BootstrapConfigTemplate, answer.BootstrapConfigTemplatePatch},
		pair{current.InfrastructureMachineTemplate, desired.InfrastructureMachineTemplate, answer.InfrastructureMachineTemplatePatch},
	)
	return others && sameMachine(set.Spec.Template.Spec, desired.MachineSet.Spec.Template.Spec), err
}

// patchTyped follows ApplyPatchToTypedObject of internal/util/patch: of what was patched, only the path is taken.
func patchTyped[T any](object *T, patch hooksv1.Patch, path ...string) (*T, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	patched, err := apply(text, patch, path)
	if err != nil {
		return nil, err
	}
	result := new(T)
	return result, json.Unmarshal(patched, result)
}

type pair struct {
	current, desired runtime.RawExtension
	patch            hooksv1.Patch
}

// matches compares raw JSON at the path, as matchesUnstructuredSpec does.
func matches(path []string, pairs ...pair) (bool, error) {
	same := true
	for _, p := range pairs {
		patched, err := apply(p.current.Raw, p.patch, path)
		if err != nil {
			return false, err
		}
		var one, other any
		if json.Unmarshal(patched, &one) != nil || json.Unmarshal(p.desired.Raw, &other) != nil {
			return false, errors.New("an object is not JSON")
		}
		same = same && reflect.DeepEqual(at(one, path), at(other, path))
	}
	return same, nil
}

// apply follows ApplyPatchToObject of internal/util/patch.
func apply(text []byte, patch hooksv1.Patch, path []string) ([]byte, error) {
	if !patch.IsDefined() {
		return text, nil
	}
	if patch.PatchType != hooksv1.JSONPatchType {
		return nil, fmt.Errorf("patchType %q is not JSONPatch", patch.PatchType)
	}
	operations, err := jsonpatch.DecodePatch(patch.Patch)
	if err != nil {
		return nil, err
	}
	if len(operations) == 0 {
		return nil, errors.New("a patch without operations")
	}
	patched, err := operations.Apply(text)
	if err != nil {
		return nil, err
	}
	var before, after map[string]any
	if err := errors.Join(json.Unmarshal(text, &before), json.Unmarshal(patched, &after)); err != nil {
		return nil, err
	}
	holder, _ := at(before, path[:len(path)-1]).(map[string]any)
	if value := at(after, path); holder != nil && value != nil {
		holder[path[len(path)-1]] = value
	}
	return json.Marshal(before)
}

func at(value any, path []string) any {
	for _, key := range path {
		object, _ := value.(map[string]any)
		value = object[key]
	}
	return value
}

// sameMachine follows CleanupMachineSpecForDiff of internal/util/inplace.
func sameMachine(one, other clusterv1.MachineSpec) bool {
	for _, spec := range []*clusterv1.MachineSpec{&one, &other} {
		spec.ClusterName = ""
		spec.Bootstrap = clusterv1.Bootstrap{}
		spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{}
		spec.ProviderID = ""
		spec.MinReadySeconds = nil
		spec.ReadinessGates = nil
		spec.Deletion = clusterv1.MachineDeletionSpec{}
		spec.Taints = nil
	}
	return reflect.DeepEqual(one, other)
}
