# package_files.cmake - run by cpack over what was installed: what only a package has. The
# configuration is the sample with every line behind '#', so that nothing happens by it.
set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}/usr/share/doc/simgate)

file(READ ${CMAKE_CURRENT_LIST_DIR}/simgate.conf text)
string(REGEX REPLACE "\n([^#\n])" "\n#\\1" text "${text}")
string(REPLACE "sample configuration of simgated. Copy it to /etc/simgate/simgate.conf."
	"configuration of simgated. Take the # off the lines that are to count." text "${text}")
file(WRITE ${root}/etc/simgate/simgate.conf "${text}")
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../../LICENSE ${doc}/copyright)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/changelog ${doc}/changelog)
file(CHMOD ${root}/etc/simgate/simgate.conf ${doc}/copyright ${doc}/changelog
	PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
file(CHMOD ${root}/etc ${root}/etc/simgate PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
	GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

file(GLOB plain ${root}/usr/share/man/man?/*.[1-8])
execute_process(COMMAND gzip -9nf ${plain} ${doc}/changelog COMMAND_ERROR_IS_FATAL ANY)
